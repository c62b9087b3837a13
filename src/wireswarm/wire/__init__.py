"""Bytes to messages and back, without I/O: nothing in here opens a socket or reads a clock."""
