# Rewrites Go source written against commit 4f382e5 to the names of api-changes.md.
# In the root of a module:
#
#	find . -name '*.go' -exec sed -i -f api-changes.sed {} +
#
# It reads text, not types. The page lists the names that it leaves alone.

# Package multiselect.
s/\bSelectOneOfOver\b/SelectOn/g
s/\bNegotiateOver\b/NegotiateOn/g
s/\bMuxer\.Handle\b/Muxer.ServeStream/g
s/\b\(m\|mux\|muxer\)\.Handle(/\1.ServeStream(/g
s/\bLimits\.Budget\b/Limits.Timeout/g
s/\bLimits\.\(Message\|Proposals\|Bytes\|ListBytes\|ListNames\|Lists\)\b/Limits.Max\1/g
/Limits{/{
s/\bBudget:/Timeout:/g
s/\b\(Message\|Proposals\|Bytes\|ListBytes\|ListNames\|Lists\):/Max\1:/g
}
s/\([A-Za-z_]\+\), \([A-Za-z_]\+\) := multiselect\.LingerStats()/lingers := multiselect.LingerStats(); \1, \2 := lingers.Active, lingers.Refused/
s/\bmultiselect\.TranscriptTrace(/transcript.NewTrace(/g
s/\bListed:/ListFilter:/g
s/\.Unheard\b/.WriteErr/g
s/\.Underlying()/.Stream()/g

# Packages wire and transcript.
s/\bwire\.Consume(/wire.ConsumeMessage(/g
s/\bwire\.ParseTranscript(/transcript.Parse(/g
s/\bwire\.\(Transcript\|Transcribe\|Line\|Kind\|ErrSyntax\)\b/transcript.\1/g
s/\bwire\.\(Comment\|Message\|Raw\)\b/transcript.Kind\1/g
s/\bwire\.Names\b/transcript.KindList/g
s/\bwire\.\(Role\|Initiator\|Responder\)\b/multiselect.\1/g

# Package netmux.
s/\b\(s\|srv\|server\)\.Listen(\("[^"]*"\)/\1.ProtocolListener(\2/g
s/\bRememberFor\b/CacheTTL/g
s/\bRemember:/CacheSize:/g
s/\.CutForRoom\b/.Evicted/g

# Package conform.
s/\bconform\.\(Open\|Quiet\|Closed\|Abort\)\b/conform.End\1/g
s/\bconform\.EndOpen\b/conform.EndAny/g
s/\bconform\.\(Data\|Reset\)\b/conform.Event\1/g
s/\bconform\.Half\b/conform.EventHalfClosed/g
s/\bconform\.Ended\b/conform.EventClosed/g
s/\bconform\.Failed\b/conform.EventWriteFailed/g
s/\bconform\.Noted\b/conform.EventNote/g
s/\bconform\.\(Must\|Should\|May\|Robustness\)\b/conform.Level\1/g
s/\bconform\.Inform\b/conform.LevelInfo/g
s/\bconform\.Informed\b/conform.VerdictInfo/g
s/\bconform\.\(Pass\|Fail\|Warn\|Unsupported\|Skipped\|Error\)\b/conform.Verdict\1/g
s/\bconform\.Listener(/conform.DialInitiator(/g
s/\bconform\.Streams(/conform.PipeInitiator(/g
s/\bconform\.Command(/conform.CommandInitiator(/g

# Package otelmultiselect.
s/\botelmultiselect\.Options{Names:/otelmultiselect.Options{MaxNames:/g
