import ArgumentParser

EchoCommand.main()
