namespace CoScientist.Tests.Browser;

/// <summary>
/// Tests in a browser run after all others, one after another: beside tests that train in the same process a server can be
/// without a thread for so long that the page rightly says that the connection was lost.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class BrowserCollection
{
    public const string Name = "Browser";
}
