// Package reliability shows what lazy streams suffer from, by running it: each
// wound that users have reported is a scene, which is played once with
// go-multistream and once with our code, and the two reports of what happened
// are the table in docs/reliability.md. It holds nothing but tests:
//
//	GOWORK=off go test .                          # all scenes, 10³ rounds, the table
//	GOWORK=off go test -v -run 'TestWounds/' .    # tells what each scene saw
//	GOWORK=off go test . -run TestDocument -write # writes the table anew
//
// wounds_test.go holds the list: read it first.
package reliability
