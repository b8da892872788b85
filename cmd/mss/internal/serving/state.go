package serving

import (
	"runtime"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// started is the time at which the process began, but for the start of the runtime.
var started = time.Now()

// state returns the state of the server as metrics, in a fixed order.
func (s *Server) state(version string) []*dto.MetricFamily {
	now := s.netmux.Stats()
	build := gauge("mss_build_info", "Version of mss and of Go; the value is 1.", 1)
	build.Metric[0].Label = []*dto.LabelPair{
		{Name: new("go_version"), Value: new(runtime.Version())},
		{Name: new("version"), Value: &version},
	}
	return []*dto.MetricFamily{
		build,
		gauge("mss_connections_half_open", "Connections and streams without an agreement.", now.HalfOpen),
		gauge("mss_connections_active", "Connections and streams that a target serves.", now.Active),
		gauge("mss_links", "Connections that carry streams.", now.Links),
		gauge("mss_commands", "Commands that run.", len(s.commands)),
		counter("mss_connections_accepted_total", "Connections and streams that were accepted.", now.Accepted),
		counter("mss_connections_agreed_total", "Connections and streams with an agreement, or served with the fallback.", now.Agreed),
		counter("mss_connections_answered_total", "Connections and streams that ended after a list, without an agreement.", now.Answered),
		counter("mss_connections_failed_total", "Connections and streams that ended without an agreement, or were refused.", now.Failed),
		counter("mss_connections_evicted_total", "Of the failed ones: evicted before the agreement.", now.Evicted),
		counter("mss_connections_timed_out_total", "Of the failed ones: ended because --timeout has expired.", now.TimedOut),
		counter("mss_connections_refused_total", "Of the failed ones: refused because of --max-active or --max-active-per-host.", now.Refused),
		counter("mss_active_evicted_total", "Of the agreed ones: evicted after the agreement.", now.ActiveEvicted),
		counter("mss_active_timed_out_total", "Of the agreed ones: ended because --first-byte-timeout has expired.", now.ActiveTimedOut),
		counter("mss_commands_refused_total", "Of the agreed ones: refused because of --max-commands.", s.commandsRefused.Load()),
		counter("mss_links_accepted_total", "Connections that have carried streams.", now.LinksAccepted),
		counter("mss_links_evicted_total", "Of these: evicted.", now.LinksEvicted),
		counter("mss_links_refused_total", "Of these: refused because of --max-links or --max-links-per-host.", now.LinksRefused),
		counter("mss_links_timed_out_total", "Of these: ended because --link-idle-timeout has expired.", now.LinksTimedOut),
		counter("mss_panics_total", "Panics in mss.", now.Panics),
		gauge("go_goroutines", "Goroutines of the process.", runtime.NumGoroutine()),
		gauge("process_start_time_seconds", "Time at which mss was started, in seconds since 1970.", int(started.Unix())),
	}
}

func gauge(name, help string, value int) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: new(dto.MetricType_GAUGE),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(float64(value))}}},
	}
}

func counter(name, help string, value uint64) *dto.MetricFamily {
	return &dto.MetricFamily{
		Name: &name, Help: &help, Type: new(dto.MetricType_COUNTER),
		Metric: []*dto.Metric{{Counter: &dto.Counter{Value: new(float64(value))}}},
	}
}
