"""Generates the models, call functions and operations table of docassemble_client from spec/."""
