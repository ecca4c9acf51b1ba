"""The words of filterd as frozen values. Standard library only; imports nothing of filterd."""
