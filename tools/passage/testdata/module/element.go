package module

func element(s string) {}
