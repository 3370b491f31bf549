"""Runs interviews: sessions, answers, documents and links."""
