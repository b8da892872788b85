package module

func generic[T any](v T) {}
