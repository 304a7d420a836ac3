package record

// Event is what has happened since the one before.
type Event struct {
	Metrics []Metric // recorded since, the oldest first
	Rewound bool     // the run went back: Metrics begins with its first step again
	Status  Status
}
