"""Chapters of the study ``biomarkers`` beyond rows 1.1 to 1.7: one question each.

A chapter asks its question of the fits, and returns tables, answers and metrics.
"""
