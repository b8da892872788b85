// Package reliability shows known failures of lazy streams: each failure that users have
// reported is a scene, which is played once with go-multistream and once with our code. The
// two records of a scene are a row of the table in docs/reliability.md. The package has only
// tests. interop/check runs them, and .ci/run also runs 10⁵ rounds of TestWriteAndClose:
//
//	GOWORK=off go test .                          # all scenes, 10³ rounds, the table
//	GOWORK=off go test -v -run 'TestWounds/' .    # shows the record of each scene
//	GOWORK=off go test . -run TestDocument -write # writes the table
//
// wounds_test.go has the list: read it first.
package reliability
