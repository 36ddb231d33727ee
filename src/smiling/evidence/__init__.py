"""What the finished runs say: curves, statistics, claims, figures and their style, films, tables and pages."""
