package device_test

import (
	"fmt"

	"gantry.local/gan/device"
)

func ExampleResolve() {
	choice, err := device.Resolve("go")
	fmt.Println(choice.Config, "-", choice.Reason, err)
	_, err = device.Resolve("tpu")
	fmt.Println(err)
	// Output:
	// go - pure Go backend, asked for <nil>
	// unknown backend "tpu": use one of xla:cpu, xla:cuda, xla:/path/to/plugin.so, go
}
