internal import SluiceHTTP
internal import SluiceRelay

extension HTTPExchange {
    /// What the relay said, unless it could not look; then the refusal is answered.
    func found<Found>(_ result: Result<Found, any Error>) -> Found? {
        switch result {
        case .success(let found):
            return found
        case .failure(RelayRefusal.storageUnavailable):
            self.respond(
                problem: Problem(.storageUnavailable, "what is stored cannot be read; ask again", retryAfterSeconds: 5)
            )
            return nil
        case .failure(let error):
            self.respond(problem: IngestAnswers.problem(refusal: error))
            return nil
        }
    }
}
