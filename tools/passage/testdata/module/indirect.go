package module

func indirect(v *value) {}
