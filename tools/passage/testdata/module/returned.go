package module

func returned(v *value) *value { return v }
