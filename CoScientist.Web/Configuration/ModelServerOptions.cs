using CoScientist.Core.TextModels;

namespace CoScientist.Web.Configuration;

/// <summary>A model server as configured in <c>CoScientist:ModelServers</c> (appsettings.json, or CoScientist__ModelServers__0__Name and so on).</summary>
public sealed class ModelServerOptions : ModelServerSettings
{
    /// <summary>Environment variable that holds the key; empty for servers without keys. The key itself is never written into a file.</summary>
    public string KeyVariable { get; set; } = "";
}
