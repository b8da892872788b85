package browser

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/conform/report"
)

// played is a run against a responder that ends the stream when it refuses: some
// cases pass and some fail.
func played(t *testing.T) *conform.Report {
	t.Helper()
	mux := multiselect.Muxer{OneShot: true}
	// The long one makes lines that have to be broken.
	names := []string{"/echo/1.0.0", "/" + strings.Repeat("long", 50)}
	for _, name := range names {
		err := mux.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			io.Copy(stream, stream)
			stream.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := conform.RunResponder(t.Context(), conform.Responder{
		Dial: func(context.Context) (io.ReadWriteCloser, error) {
			ours, theirs := net.Pipe()
			go mux.ServeStream(context.Background(), ours)
			return theirs, nil
		},
		Protocols: names,
	}, conform.Options{
		Select:     regexp.MustCompile("^R(2-agreement|7-|10-|13-|24-)"),
		ExpectFail: map[string]string{"R10-empty": "one-shot, see https://example.com/issues/1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func single(t *testing.T, r *conform.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, "a one-shot responder", r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// matrix is the page of eight parties, so that it is wider than any screen.
func matrix(t *testing.T, r *conform.Report) string {
	t.Helper()
	var parties []report.NamedReport
	for i := range 8 {
		parties = append(parties, report.NamedReport{Name: fmt.Sprintf("implementation %d", i), Reports: []*conform.Report{r}})
	}
	var b bytes.Buffer
	if err := report.Matrix(&b, "Conformance of the field", parties); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What the browser makes of the file, from a disk, and without a network: each
// case has its row, its verdict and its bytes.
func TestContent(t *testing.T) {
	r := played(t)
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(single(t, r)), 0o666); err != nil {
		t.Fatal(err)
	}
	// Every name resolves to nothing, so the page has what it has.
	dom := dump(t, "file://"+filepath.ToSlash(file), "--host-resolver-rules=MAP * ~NOTFOUND")
	for _, want := range []string{
		"<h1>Conformance of a one-shot responder</h1>",
		report.Summary(r),
		"> /multistream/1.0.0",
		"13 2f 6d 75 6c 74 69 73 74 72 65 61 6d 2f 31 2e 30 2e 30 0a",
		`<a href="https://example.com/issues/1">`,
	} {
		if !strings.Contains(dom, want) && !strings.Contains(dom, strings.ReplaceAll(want, "> /", "&gt; /")) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	for _, result := range r.Results {
		row := regexp.MustCompile(`<tr[^>]*><th scope="row"><a href="#responder-` + regexp.QuoteMeta(result.Case.ID) + `">` +
			regexp.QuoteMeta(result.Case.ID) + `</a>.*?<td class="v-` + result.Verdict.String() + `">`)
		if !row.MatchString(dom) {
			t.Errorf("%s has no row with the verdict %v", result.Case.ID, result.Verdict)
		}
	}
	if r.OK() || r.Count(conform.VerdictPass) == 0 || r.Count(conform.VerdictSkipped) == 0 {
		t.Errorf("the run has too few verdicts to be looked at: %s", report.Summary(r))
	}
}

// On a phone and on a desk nothing is wider than the screen but tables, which
// scroll within their frames; and the page asks for nothing but itself.
func TestFits(t *testing.T) {
	r := played(t)
	for name, page := range map[string]string{"single": single(t, r), "matrix": matrix(t, r)} {
		for _, width := range []int{390, 1280} {
			found, requests := measured(t, page, width, `
				for (const details of d.querySelectorAll("details")) details.open = true;
				const root = d.documentElement;
				say("width " + root.clientWidth);
				if (root.scrollWidth > root.clientWidth) say("the page scrolls to " + root.scrollWidth);
				for (const e of d.body.querySelectorAll("*")) {
					const box = e.getBoundingClientRect();
					if (box.right > root.clientWidth + 1 && !e.closest(".scroll")) say(e.outerHTML.slice(0, 100) + " ends at " + box.right);
				}
				for (const e of d.querySelectorAll(".scroll")) {
					if (e.scrollWidth > e.clientWidth && e.tabIndex !== 0) say("a table that scrolls cannot be reached by the keyboard");
				}`)
			if len(found) != 1 || !strings.HasPrefix(found[0], "width ") {
				t.Errorf("%s at %d px: %q", name, width, found)
			}
			if want := []string{"/frame", "/page"}; !slices.Equal(requests, want) {
				t.Errorf("%s asks for %v, right is %v", name, requests, want)
			}
		}
	}
}

// Landmarks, headings in order, tables with headers, names for what can be
// reached, and a filter that filters without a script.
func TestAccessible(t *testing.T) {
	found, _ := measured(t, single(t, played(t)), 1280, `
		const one = what => { if (d.querySelectorAll(what).length !== 1) say("not one " + what) };
		one("main"); one("h1"); one("body > header"); one("nav[aria-label]"); one("html[lang]"); one("title");
		let level = 0;
		for (const h of d.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
			const n = +h.tagName[1];
			if (n > level + 1) say("heading " + h.textContent + " skips a level");
			level = n;
		}
		for (const s of d.querySelectorAll("section")) if (!d.getElementById(s.getAttribute("aria-labelledby"))) say("a section without a name");
		for (const t of d.querySelectorAll("table")) {
			if (!t.querySelector("thead th[scope=col]")) say("a table without column headers");
			for (const row of t.querySelectorAll("tbody tr")) if (row.querySelectorAll("th[scope=row]").length !== 1) say("a row without a header");
		}
		for (const s of d.querySelectorAll("[tabindex='0']")) if (!s.getAttribute("aria-label")) say("a stop without a name");
		for (const a of d.querySelectorAll("a[href^='#']")) if (!d.getElementById(a.hash.slice(1))) say("nothing at " + a.hash);
		for (const i of d.querySelectorAll("input")) if (!i.labels.length) say("an input without a label");
		const visible = () => [...d.querySelectorAll("tbody tr.plain")].filter(e => e.offsetHeight > 0).length;
		if (visible() === 0) say("no plain row to begin with");
		d.getElementById("deviations").click();
		if (visible() !== 0) say("the filter leaves plain rows");
		if (![...d.querySelectorAll(".matrix tbody tr")].some(e => e.offsetHeight > 0)) say("the filter leaves nothing");`)
	if len(found) > 0 {
		t.Errorf("%q", found)
	}
}
