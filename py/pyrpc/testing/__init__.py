"""For tests of code that uses pyrpc: a clock to turn, nodes that are not there, checks for policies and codecs."""
