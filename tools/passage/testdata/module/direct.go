package module

func direct(v *value) { indirect(v); direct(v) }
