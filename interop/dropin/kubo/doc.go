// Package kubo runs two kubo nodes, with gomultistream in one or in both:
//
//	GOWORK=off go test -tags kubo -count=1 -timeout 30m -v ./kubo
//
// It builds kubo twice, which takes some minutes. So it has a build tag, and is run by hand.
package kubo
