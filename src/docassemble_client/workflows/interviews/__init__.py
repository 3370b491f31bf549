"""Sessions of interviews: run them, answer them, take their documents."""
