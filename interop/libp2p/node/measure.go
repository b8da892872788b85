package main

import "context"

func measure(ctx context.Context, transport string) error { return nil }
