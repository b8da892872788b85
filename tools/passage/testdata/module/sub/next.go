package sub

func next(b []byte) {}
