package module

func inLiteral(v *value) {}
