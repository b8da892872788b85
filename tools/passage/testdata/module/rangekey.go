package module

func rangeKey(name string) {}
