"""The rules that read a sentence, one function per kind of token: `(reading, index, token)`."""
