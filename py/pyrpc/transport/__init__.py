"""Connections, pools of them and the listener: the only sockets."""
