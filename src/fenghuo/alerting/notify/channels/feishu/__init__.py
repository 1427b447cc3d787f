"""Feishu and Lark groups, through their custom robots."""
