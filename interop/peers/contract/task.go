package contract

// Modes are what an initiator has to do in each mode of a task of package
// conform.
var Modes = map[string]Job{
	"select":     {End: Echo},
	"ls":         {LS: true, End: Echo},
	"lazy":       {Lazy: true, Send: "early", End: Echo},
	"lazy-read":  {Lazy: true, End: Echo},
	"lazy-close": {Lazy: true, Send: "early", End: Now},
	"lazy-half":  {Lazy: true, Send: "early", End: Half},
}
