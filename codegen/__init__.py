"""Generates the models, call functions and operation table of docassemble_client from spec/."""
