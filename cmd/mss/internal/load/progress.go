package load

import (
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// ShowProgress shows the progress of a run if standard error is a terminal. The function
// that it returns ends that and erases the line.
func (b *Load) ShowProgress(s *terminal.Stdio) (stop func()) {
	status := s.StatusLine()
	if status.W == nil {
		return func() {}
	}
	began, ended, erased := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(erased)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				status.Clear()
				return
			case <-tick.C:
				b.mu.Lock()
				done, failed := b.latency.TotalCount(), b.failed
				b.mu.Unlock()
				elapsed := time.Since(began)
				status.Show("%d negotiations, %.0f/s, %d failed, %v to go", done,
					float64(done)/elapsed.Seconds(), failed, max(b.config.Duration-elapsed, 0).Round(100*time.Millisecond))
			}
		}
	}()
	return func() {
		close(ended)
		<-erased
	}
}
