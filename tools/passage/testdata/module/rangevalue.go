package module

func rangeValue(name string) {}
