"""The words of DESIGN section 3 as frozen values. Standard library only; imports nothing of filterd."""
