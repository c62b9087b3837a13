"""Sockets on gevent's loop: streams, deadlines, receive stamps, and the connections made of them.

The only place that touches a socket. Errors of the operating system become `RequestFailed` here.
"""
