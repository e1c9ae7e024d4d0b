"""The tables' history, made by Tortoise's own tool."""
