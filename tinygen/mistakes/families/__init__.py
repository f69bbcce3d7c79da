"""The families of mistakes, one file each; family.families() finds them all."""
