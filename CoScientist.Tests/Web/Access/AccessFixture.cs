using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Web.Access;

/// <summary>One server for all that is tested of access: behind a proxy on this machine, so that requests can come from anywhere, with one of everything in its library.</summary>
public sealed class AccessFixture : IAsyncLifetime
{
    internal FullHouse House { get; private set; } = null!;

    /// <summary>The server.</summary>
    public ServerFixture Server { get; } = new();

    public async ValueTask InitializeAsync()
    {
        await Server.StartAsync(Hardening.ProxiesKey + ":0", "127.0.0.0/8");
        await Server.CreateAccountAsync(ServerFixture.Administrator, [.. Roles.All]);
        House = await FullHouse.MakeAsync(Server.Services, "somebody");
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>The tests that share the server, one after the other.</summary>
[CollectionDefinition(nameof(AccessCollection))]
public sealed class AccessCollection : ICollectionFixture<AccessFixture>;
