package module

func tested(v *value) { direct(v) }
