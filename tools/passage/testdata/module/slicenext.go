package module

func sliceNext(names []string) {}
