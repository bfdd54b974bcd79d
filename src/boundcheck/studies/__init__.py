"""Many evaluations with one question: does the catalogue keep its promise where the truth is known?"""
