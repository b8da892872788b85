package module

func slice(names ...string) { sliceNext(names) }
