internal import SluiceRelay

/// A page that ends before something that cannot be read; an error, because its transaction is of no use any more.
struct PageFault: Error {
    let page: StoredPage
    let error: any Error
}
