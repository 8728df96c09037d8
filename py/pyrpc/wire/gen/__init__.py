"""What the Thrift compiler makes of thrift/pyrpc.thrift; never edited by hand, `make gen` writes it."""
