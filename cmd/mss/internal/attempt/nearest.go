package attempt

import (
	"fmt"
	"strings"

	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// near is an offered protocol that comes close to a refused one.
type near struct {
	refused, offered string
	differs          string // the part in which they differ
}

func (n *near) String() string {
	return fmt.Sprintf("%s differs from %s in %s", terminal.QuoteInList(n.offered), terminal.QuoteInList(n.refused), n.differs)
}

// nearest returns the offered name that is closest to one of the refused: it
// differs only in blanks at the end, the leading slash, case, the version, or a
// few characters. It returns nil if none is close.
func nearest(refused, offered []string) *near {
	const maxRefused = 16 // bounds the work for a peer that offers a thousand names
	var best *near
	bestRank, bestDistance := len(kinships), 0
	for _, r := range refused[:min(maxRefused, len(refused))] {
		for _, o := range offered {
			rank, distance := kinship(r, o)
			if rank < bestRank || rank == bestRank && rank < len(kinships) && distance < bestDistance {
				best = &near{r, o, kinships[rank]}
				bestRank, bestDistance = rank, distance
			}
		}
	}
	return best
}

// kinships are the ways in which names can be close, the closest first.
var kinships = [...]string{
	"the blanks at the end", "the leading slash", "upper and lower case",
	"the version", "the leading slash and the version", "its spelling",
}

// kinship returns an index of kinships, or len(kinships) for names that are not
// related, and the edit distance.
func kinship(a, b string) (rank, distance int) {
	const longest = 128 // bounds the work, since a peer chooses b
	if len(a) > longest || len(b) > longest {
		return len(kinships), 0
	}
	distance = editDistance(a, b)
	stemA, versionA := splitVersion(a)
	stemB, versionB := splitVersion(b)
	bareA, bareB := strings.TrimPrefix(stemA, "/"), strings.TrimPrefix(stemB, "/")
	versioned := versionA+versionB != "" && bareA != ""
	switch {
	case strings.TrimRight(a, blanks) == strings.TrimRight(b, blanks):
		return 0, distance
	case strings.TrimPrefix(a, "/") == strings.TrimPrefix(b, "/"):
		return 1, distance
	case strings.EqualFold(a, b):
		return 2, distance
	case stemA == stemB && versioned:
		return 3, distance
	case bareA == bareB && versioned:
		return 4, distance
	case distance <= tolerance(min(len(a), len(b)), min(len(bareA), len(bareB))):
		return 5, distance
	}
	return len(kinships), distance
}

const blanks = " \t\r\n"

// tolerance returns how many characters may differ in names of a length whose
// stems have a length of their own. Stems of one or two letters are never close.
func tolerance(name, stem int) int {
	if stem < 3 {
		return 0
	}
	return min(3, max(1, name/4), stem/2)
}

// splitVersion splits a name before its last element, if that begins like a
// version, "1.0.0" or "v2", and takes the slash between them off.
func splitVersion(name string) (stem, version string) {
	i := strings.LastIndexByte(name, '/') + 1
	number := strings.TrimPrefix(name[i:], "v")
	if i == 0 || number == "" || number[0] < '0' || number[0] > '9' {
		return name, ""
	}
	return name[:i-1], name[i:]
}

// editDistance is Levenshtein's: how many bytes have to be added, removed or
// exchanged to make a of b.
func editDistance(a, b string) int {
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		diagonal := line[0]
		line[0] = i + 1
		for j := range len(b) {
			exchanged := diagonal
			if a[i] != b[j] {
				exchanged++
			}
			diagonal = line[j+1]
			line[j+1] = min(exchanged, line[j]+1, line[j+1]+1)
		}
	}
	return line[len(b)]
}
