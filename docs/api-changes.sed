# Rewrites Go source that was written against commit 4f382e5 to the names in
# api-changes.md. GNU sed. In the root of your module:
#
#	grep -rl --include='*.go' multiselect/multiselect . | xargs sed -i -f api-changes.sed
#
# It matches text, not types. api-changes.md lists the changes that it does not make.

# Package multiselect.
s/\bSelectOneOfOver\b/SelectOn/g
s/\bNegotiateOver\b/NegotiateOn/g
s/\bMuxer\()\?\)\.Handle\b/Muxer\1.ServeStream/g
s/\b\(m\|mux\|muxer\|[A-Za-z]\+Mux\(er\)\?\)\.Handle(\(ctx\|context\.\|[A-Za-z.]*\bContext(\)/\1.ServeStream(\3/g
s/\b\(m\|mux\|muxer\)\.Listed\b/\1.ListFilter/g
s/\bMuxer\.Listed\b/Muxer.ListFilter/g
/Muxer{/s/\bListed:/ListFilter:/g
/Muxer{$/,/^\s*}/s/\bListed:/ListFilter:/g
s/\b\([Ll]imits\)\.Budget\b/\1.Timeout/g
s/\b\([Ll]imits\)\.\(Message\|Proposals\|Bytes\|ListBytes\|ListNames\|Lists\)\b/\1.Max\2/g
/Limits{/{
s/\bBudget:/Timeout:/g
s/\b\(Message\|Proposals\|Bytes\|ListBytes\|ListNames\|Lists\):/Max\1:/g
}
/Limits{$/,/^\s*}/{
s/\bBudget:/Timeout:/g
s/\b\(Message\|Proposals\|Bytes\|ListBytes\|ListNames\|Lists\):/Max\1:/g
}
s/\([A-Za-z]\+\), _ \(:\?=\) multiselect\.LingerStats()/\1 \2 multiselect.LingerStats().Active/
s/_, \([A-Za-z]\+\) \(:\?=\) multiselect\.LingerStats()/\1 \2 multiselect.LingerStats().Evicted/
s/\([A-Za-z]\+, [A-Za-z]\+ :\?=\) multiselect\.LingerStats()/\1 multiselect.LingerStats().Active, multiselect.LingerStats().Evicted/
s/\bmultiselect\.TranscriptTrace(/transcript.NewTrace(/g
s/\.Unheard\b/.WriteErr/g
s/\.Underlying()/.Stream()/g
s/\.Unwrap(\(ctx\|context\.\|[A-Za-z.]*\bContext(\)/.Detach(\1/g
s/\b\(c\|comm\|communicator\)\.Read()/\1.ReadMessage()/g
s/\b\(c\|comm\|communicator\|NewCommunicator([^()]*)\)\.Write("/\1.WriteMessages("/g

# Packages wire and transcript.
s/\bwire\.Consume(/wire.ConsumeMessage(/g
s/\bwire\.ParseTranscript\b/transcript.Parse/g
s/\bwire\.\(Transcript\|Transcribe\|Line\|Kind\|ErrSyntax\)\b/transcript.\1/g
s/\bwire\.\(Comment\|Message\|Raw\)\b/transcript.Kind\1/g
s/\bwire\.Names\b/transcript.KindList/g
s/\bwire\.\(Role\|Initiator\|Responder\)\b/multiselect.\1/g

# Package netmux.
s/\b\(s\|srv\|server\)\.Listen(\("[^"]*"\|[A-Za-z.]*\.\.\.)\)/\1.ProtocolListener(\2/g
s/\bRememberFor\b/CacheTTL/g
s/\bRemember: *-[0-9][0-9]*/NoCache: true/g
s/\bRemember:/CacheSize:/g
s/\b\(d\|[Dd]ialer\)\.Remember\b/\1.CacheSize/g
s/\.CutForRoom\b/.Evicted/g

# Package conform.
s/\bconform\.Open\b/conform.EndAny/g
s/\bconform\.\(Quiet\|Closed\|Abort\)\b/conform.End\1/g
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
/\bconform\.Options{/{
s/\bStarted:/OnStart:/g
s/\bObserve:/OnResult:/g
}
/\bconform\.Options{$/,/^\s*}/{
s/\bStarted:/OnStart:/g
s/\bObserve:/OnResult:/g
}
/\bconform\.Responder{/s/\bBudget:/Timeout:/g
/\bconform\.Responder{$/,/^\s*}/s/\bBudget:/Timeout:/g
s/\.Because\b/.Reason/g
/\bconform\.Outcome{/{
s/\bSaid:/Sent:/g
s/\bBecause:/Reason:/g
}

# Package otelmultiselect.
/\botelmultiselect\.Options{/s/\bNames:/MaxNames:/g
/\botelmultiselect\.Options{$/,/^\s*}/s/\bNames:/MaxNames:/g
