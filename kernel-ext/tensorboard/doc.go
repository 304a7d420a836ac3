// Package tensorboard writes event files, the logs that TensorBoard reads: scalars, pictures and text, each under a name and at a step.
//
//	w, err := tensorboard.New("logs/first")
//	w.Scalar(100, time.Now(), "critic loss", 0.42)
//	w.Close()
//
// A folder is what TensorBoard calls a run; `tensorboard --logdir logs` shows all that lie in one.
//
// Reading order: writer.go (what can be written), event.go (one event as a protocol buffer), frame.go (an event in its file).
package tensorboard
