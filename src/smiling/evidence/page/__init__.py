"""One page of an experiment: what was asked and found, and all that it rests on, in a file that needs no other."""
