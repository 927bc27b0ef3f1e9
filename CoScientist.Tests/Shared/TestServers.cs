using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Storage;
using CoScientist.Web.Configuration;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Configuration;

namespace CoScientist.Tests.Shared;

/// <summary>Model servers over a test database, some of them from a configuration.</summary>
internal static class TestServers
{
    public static ModelServerStore Store(TestDatabase database) => new(database.Factory, new EphemeralDataProtectionProvider(), database.Time);

    public static TextModels Of(TestDatabase database, params (string Name, string Endpoint, string Model)[] servers)
    {
        var settings = servers.SelectMany((server, index) => new KeyValuePair<string, string?>[]
        {
            new($"CoScientist:ModelServers:{index}:Name", server.Name),
            new($"CoScientist:ModelServers:{index}:Endpoint", server.Endpoint),
            new($"CoScientist:ModelServers:{index}:Model", server.Model),
        });
        return Of(database, new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
    }

    public static TextModels Of(TestDatabase database, IConfiguration configuration, ModelServerStore? store = null, TimeProvider? time = null) =>
        new(configuration, store ?? Store(database), database.Store<ModelCallStore>(), time ?? TimeProvider.System);
}
