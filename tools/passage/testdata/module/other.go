package module

func otherOnly(v *value) {}
